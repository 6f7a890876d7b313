"""What a file is and holds. A file is known by its content; its name only has to agree. Unknown is None, never 0."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from media_pipeline import sniff
from media_pipeline.cage import READING, Cage, longer
from media_pipeline.errors import Refused

# Demuxers that may open an upload. None of them opens another file because the upload says so.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "mxf", "dv",
    "ogg", "mp3", "wav", "w64", "flac", "aac", "aiff", "caf", "ac3", "amr",
)  # fmt: skip
# Decoders that may run: what cameras, recorders, editors and old archives write. The many others (games, vector
# pictures, terminals) are never asked to read an upload.
DECODERS = (
    "h264,hevc,vvc,av1,libdav1d,libaom-av1,vp3,vp6,vp6a,vp6f,vp8,vp9,libvpx,libvpx-vp9,theora,"
    "mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,wmv1,wmv2,wmv3,vc1,h261,h263,"
    "h263i,h263p,flv,flashsv,flashsv2,rv10,rv20,rv30,rv40,cavs,mjpeg,mjpegb,png,gif,bmp,webp,"
    "jpeg2000,prores,prores_raw,dnxhd,cfhd,dvvideo,aic,hap,huffyuv,ffvhuff,ffv1,utvideo,magicyuv,"
    "lagarith,rawvideo,v210,v210x,r210,r10k,v308,v408,yuv4,y41p,qtrle,rpza,smc,svq1,svq3,cinepak,"
    "indeo3,indeo4,indeo5,msvideo1,msrle,fraps,camtasia,tscc2,zmbv,zlib,mss1,mss2,aac,aac_latm,ac3,"
    "eac3,dca,truehd,mlp,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,libvorbis,flac,"
    "alac,wavpack,tta,wmav1,wmav2,wmapro,wmavoice,wmalossless,amrnb,amrwb,libopencore_amrnb,"
    "libopencore_amrwb,g722,g726,g726le,gsm,gsm_ms,ilbc,speex,nellymoser,cook,sipr,qdm2,qdmc,qcelp,"
    "mace3,mace6,truespeech,dvaudio,s302m,imc,iac,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,"
    "adpcm_yamaha,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_lxf,pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,"
    "pcm_f64be,pcm_f64le,pcm_s8,pcm_s8_planar,pcm_u8,pcm_s16be,pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,"
    "pcm_u16be,pcm_u16le,pcm_s24be,pcm_s24daud,pcm_s24le,pcm_s24le_planar,pcm_u24be,pcm_u24le,pcm_s32be,"
    "pcm_s32le,pcm_s32le_planar,pcm_u32be,pcm_u32le,pcm_s64be,pcm_s64le,subrip,srt,ass,ssa,webvtt,"
    "mov_text,text,microdvd,sami,dvdsub,dvbsub,pgssub,xsub,cc_dec"
)
MAX_PIXELS = 8192 * 4320  # 8K, the largest picture a camera writes
MAX_SECONDS = 24 * 3600
MAX_TAKEN = 2000  # frames a second; slow motion is recorded with less than a thousand
MAX_FILL = 100  # frames written for each frame there is


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """``width`` and ``height`` as shown, after rotation and with square pixels; ``fps`` as numerator and denominator;
    ``start`` in seconds on the file's clock."""

    index: int
    codec: str
    width: int
    height: int
    rotation: int
    pixel_format: str
    fps: tuple[int, int]
    variable: bool
    frames: int
    interlaced: bool
    transfer: int
    primaries: int
    matrix: int
    start: float | None
    end: float | None

    @property
    def hdr(self) -> bool:
        """PQ (SMPTE 2084) or HLG (ARIB B67), by the numbers of ITU-T H.273."""
        return self.transfer in (16, 18)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    index: int
    codec: str
    channels: int
    rate: int
    language: str
    title: str
    default: bool
    start: float | None
    end: float | None


@dataclass(frozen=True, slots=True)
class SubtitleFacts:
    index: int
    codec: str
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class Facts:
    """``media_type`` is video, audio, document or picture; ``name`` is what the uploader called the file; ``lead`` is
    the seconds on the file's clock before anything is seen or heard."""

    media_type: str
    container: str
    name: str
    bytes: int
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    video: VideoFacts | None = None
    audio: tuple[AudioFacts, ...] = ()
    subtitles: tuple[SubtitleFacts, ...] = ()
    cover: int | None = None
    lead: float = 0.0
    chapters: tuple[tuple[float, float, str], ...] = ()
    pages: int | None = None
    warnings: tuple[str, ...] = field(default=())


def probe(source: Path, cage: Cage, *, name: str = "") -> Facts:
    """Facts of a file, read in the cage. Raises Refused with a reason that names the file and what to do."""
    name = name or source.name
    kind = sniff.sniff(source, name)
    size = source.stat().st_size
    if kind.family == "media":
        return _film(source, cage, name, size)
    reader = {"pdf": "media_pipeline.caged.pdf:inspect", "epub": "media_pipeline.caged.epub:inspect"}
    target = reader.get(kind.container, "media_pipeline.caged.picture:inspect")
    found = cage.call(target, source=str(source.resolve()), name=name)
    return Facts(media_type=kind.family, container=kind.container, name=name, bytes=size, **found)


def _film(source: Path, cage: Cage, name: str, size: int) -> Facts:
    # Every packet is read once: a disk gives at least 20 MB/s.
    limits = longer(READING, 300 + size / 20e6)
    found = cage.call(
        "media_pipeline.caged.film:inspect",
        limits=limits,
        source=str(source.resolve()),
        name=name,
        formats=",".join(FORMATS),
        decoders=DECODERS,
        max_pixels=MAX_PIXELS,
    )
    facts = film_facts(found, name, size)
    if facts.duration and facts.duration > MAX_SECONDS:
        raise Refused("too-long", f"“{name}”长达 {facts.duration / 3600:.0f} 小时，上限是 24 小时。", "请拆分后上传。")
    if facts.video and facts.duration and _squeezed(facts.video, facts.duration):
        raise Refused(
            "broken-times",
            f"“{name}”的时间戳不对：{facts.video.frames} 帧画面挤在 {facts.duration:.3f} 秒里。",
            "请用剪辑软件重新导出为 MP4 后上传。",
        )
    if facts.video and facts.duration and _stretched(facts.video, facts.duration):
        raise Refused(
            "broken-times",
            f"“{name}”的时间戳不对：{facts.video.frames} 帧画面铺在 {facts.duration:.0f} 秒里。",
            "请用剪辑软件重新导出为 MP4 后上传。",
        )
    return facts


def _stretched(video: VideoFacts, seconds: float) -> bool:
    """Whether so few frames claim so long a time that filling the gaps would be most of the work. Slides recorded at
    one picture a second stay far below."""
    rate = video.fps[0] / video.fps[1]
    return seconds * rate > MAX_FILL * max(1, video.frames) and seconds > 600


def _squeezed(video: VideoFacts, seconds: float) -> bool:
    """Whether pictures follow one another faster than any camera takes them."""
    return video.frames > 1 and video.frames > MAX_TAKEN * seconds


def film_facts(found: dict[str, Any], name: str, size: int) -> Facts:
    video = found["video"]
    shown = VideoFacts(**{**video, "fps": tuple(video["fps"])}) if video else None
    return Facts(
        media_type="video" if shown else "audio",
        container=found["container"],
        name=name,
        bytes=size,
        duration=found["duration"],
        width=shown.width if shown else None,
        height=shown.height if shown else None,
        video=shown,
        audio=tuple(AudioFacts(**stream) for stream in found["audio"]),
        subtitles=tuple(SubtitleFacts(**stream) for stream in found["subtitles"]),
        cover=found["cover"],
        lead=found["lead"],
        chapters=tuple((start, end, title) for start, end, title in found["chapters"]),
        warnings=tuple(found["warnings"]),
    )
