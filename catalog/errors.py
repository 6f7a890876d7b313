"""Why the catalogue does not do what it was asked.

``CatalogueError``
├── ``NotReady``    a course lacks what its kind requires, so it is not published
├── ``CallRefused`` a call of a machine is refused: its token, or what it asks
└── ``FileRefused`` an import file cannot be read at all, so no row of it is
"""


class CatalogueError(Exception):
    """``code`` is stable and for machines, ``sentence`` says what is wrong, ``remedy`` what to do."""

    def __init__(self, code: str, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence}{remedy}")
        self.code = code
        self.sentence = sentence
        self.remedy = remedy


class NotReady(CatalogueError):
    """A course lacks what its kind requires; ``lacks`` has one sentence for each thing."""

    def __init__(self, title: str, lacks: list[str]) -> None:
        super().__init__("course-not-ready", f"《{title}》还不能发布：", "".join(lacks))
        self.lacks = lacks


class FileRefused(CatalogueError):
    """An import file cannot be read at all."""


class CallRefused(CatalogueError):
    """``status`` is that of the answer; ``fields`` say what is wrong with which field of the body."""

    def __init__(
        self, status: int, code: str, sentence: str, remedy: str = "", fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(code, sentence, remedy)
        self.status = status
        self.fields = fields or {}
