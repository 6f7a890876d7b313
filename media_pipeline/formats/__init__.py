"""One file a format. A new video or audio format is its file here, its line below and its name in ``profiles.toml``."""

from media_pipeline.formats import aac, av1, h264

VIDEO = {"h264": h264.output, "av1": av1.output}
AUDIO = {"aac": aac.output, "radio": aac.radio}
