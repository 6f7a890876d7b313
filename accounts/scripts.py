"""Chinese in the other script, by OpenCC; each converter is loaded when it is first asked for."""

from functools import cache

from opencc import OpenCC


def simplified(text: str) -> str:
    return _converter("t2s").convert(text)


def traditional(text: str) -> str:
    return _converter("s2t").convert(text)


@cache
def _converter(name: str) -> OpenCC:
    return OpenCC(name)
