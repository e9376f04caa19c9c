"""tlsclose: how did this TLS connection end, who ended it, and could data have been lost?"""

__version__ = "0.1.0"
