"""Targets: `host`, `host:port`, `[v6]:port` or a URL."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a probe goes."""

    host: str
    port: int
    path: str | None = None
    """The URL's path and query; None where no URL named one."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
