"""One file a format. A new video or audio format is its file here, its line below and its name in ``profiles.toml``."""

from media_pipeline.formats import aac, h264

VIDEO = {"h264": h264.output}
AUDIO = {"aac": aac.output}
