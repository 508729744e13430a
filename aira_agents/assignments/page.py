"""Pages that need nothing else: one file, to open, to send, to archive."""

import base64
import html
from pathlib import Path

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid #ccc; vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
td.number { white-space: nowrap }
.bad { color: #a33 }
.dim { color: #595959 }
figure { margin: 0 0 1.5rem }
img { max-width: 30rem; border: 1px solid #ccc }
.track { width: 8rem; background: #e4e4e4; display: block; height: .7rem; margin: .4rem 0 }
.bar { height: .7rem; background: #0072B2; display: block }
@media (prefers-color-scheme: dark) {
  body { background: #181a1d; color: #ddd }
  .dim { color: #aaa }
  .bad { color: #f88 }
  .track { background: #333 }
  td, th { border-color: #444 }
}
"""


def page(title: str, body: str) -> str:
    """Returns a whole page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,"><title>{html.escape(title)}</title><style>{STYLE}</style>
<h1>{html.escape(title)}</h1>
{body}
</html>
"""


def figure(image: Path, caption: str) -> str:
    """Returns a picture inside the page, with its caption."""
    data = base64.b64encode(image.read_bytes()).decode()
    kind = image.suffix.removeprefix(".")
    told = html.escape(caption)
    return f'<figure><img alt="{told}" src="data:image/{kind};base64,{data}"><figcaption>{told}</figcaption></figure>'
