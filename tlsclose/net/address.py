"""How an end of a connection is written."""


def address_text(ip: str, port: int) -> str:
    """`ip:port`, with IPv6 in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
