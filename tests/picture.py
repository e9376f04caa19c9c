"""The picture at the head of the README: a real run of the demo, drawn.

`python -m tests.picture` makes it anew; it needs the right to capture packets.
"""

from pathlib import Path

from tlsclose import api
from tlsclose.net.settings import CaptureMode, CaptureSettings
from tlsclose.report.svg import svg

PICTURE = Path(__file__).parent.parent / ".github" / "timeline.svg"


def main() -> None:
    sniffed = CaptureSettings(mode=CaptureMode.SNIFF)
    probe, _ = api.demo(on_report=lambda _: None, capture=sniffed)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(probe), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
