"""Bytes to events: packets, streams, records, keys, decryption, the connection follower."""
