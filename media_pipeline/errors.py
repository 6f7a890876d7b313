"""Why a file does not become playable.

``MediaError``
├── ``Refused``  the file itself is the reason; the asset is *rejected* and trying again will not help
└── ``Failed``   something around the work broke (disk, store, a killed process); worth another attempt
"""


class MediaError(Exception):
    """``code`` is stable and for machines, ``sentence`` tells the uploader what is wrong, ``remedy`` what to do."""

    def __init__(self, code: str, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.remedy = remedy

    @property
    def reason(self) -> str:
        """Sentence and remedy in one line, for people."""
        return f"{self.sentence}{self.remedy}"


class Refused(MediaError):
    """The file is the reason."""


class Failed(MediaError):
    """The surroundings are the reason."""
