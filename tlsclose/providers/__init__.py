"""TLS engines without I/O, all with the same SSPI-shaped interface."""
