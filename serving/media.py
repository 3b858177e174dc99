"""What the headers Content-Type and Accept ask for."""

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from serving.errors import NotAcceptable, UnsupportedType

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"

KNOWN = (JSON, CSV, NPY)
"""In the order in which an answer's type is chosen where the client likes several equally."""

_TEXTS = (JSON, CSV)
_CHARSETS = ("utf-8", "utf8", "us-ascii")


def media_type(header: str) -> str:
    """The type alone, in lower case. Raises UnsupportedType for a charset other than UTF-8."""
    media, options = parse_options_header(header)
    charset = options.get("charset", "utf-8").lower()
    if charset not in _CHARSETS:
        raise UnsupportedType(f"the body's charset is {charset[:40]}", "UTF-8")
    return media.lower()


def is_text(media: str) -> bool:
    """Whether hooks get the body as str: AWS's containers decode these two types and hand over bytes of all others."""
    return media in _TEXTS


def answer_type(accept: str) -> str:
    """The best of KNOWN. Raises NotAcceptable if the client takes none."""
    if found := _best(accept):
        return found
    raise NotAcceptable(f"cannot answer with {accept[:100]}", f"Accept: one of {', '.join(KNOWN)}")


def hook_accept(accept: str) -> str:
    """What a hook of the model's own is asked for: it may write types that are unknown here."""
    best = _accepted(accept).best
    return best if best and "*" not in best else _best(accept) or JSON


def _best(accept: str) -> str | None:
    if not accept.strip():
        return JSON
    return _accepted(accept).best_match(KNOWN)


def _accepted(accept: str) -> MIMEAccept:
    """Without parameters such as charset, which would match nothing."""
    return MIMEAccept([(value.partition(";")[0], quality) for value, quality in parse_accept_header(accept)])
