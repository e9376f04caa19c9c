"""What to say where there is no verdict."""

from tlsclose.core.report import Report


def unobserved(report: Report) -> str:
    """`unobserved at connect: connection refused (127.0.0.1:1)`."""
    if report.unobserved is None:
        return "unobserved: no verdict"
    return f"unobserved at {report.unobserved.stage.value}: {report.unobserved.reason}"
