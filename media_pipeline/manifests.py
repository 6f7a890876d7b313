"""HLS (RFC 8216) and DASH (ISO 23009-1) over the same file, written from the measured index of each track in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.sax.saxutils import quoteattr

from media_pipeline.formats import storyboard
from media_pipeline.formats.cmaf import Index
from media_pipeline.plan import StoryboardStep

MASTER, MPD, PICTURES = "master.m3u8", "manifest.mpd", "iframes.m3u8"
CODECS = {"avc1": "h264", "av01": "av1"}


@dataclass(frozen=True, slots=True)
class Track:
    """One track: its ``index`` counts in the file ``name``. ``fps`` is None for sound; ``language``, ``label``,
    ``default`` and ``group`` are for sound: a listener chooses among those of a group, a player among groups."""

    spec: str
    name: str
    index: Index
    fps: Fraction | None = None
    language: str = "und"
    label: str = ""
    default: bool = False
    group: str = "sound"

    @property
    def playlist(self) -> str:
        return f"{self.spec}.m3u8"

    @property
    def codec(self) -> str:
        """As specs name it; sound has none that a list would be chosen by."""
        return CODECS.get(self.index.codecs.split(".")[0], "")


def hls_media(track: Track) -> str:
    """The media playlist of one track: byte ranges of the one file, whole and for ever."""
    entries = [(segment.seconds, segment.bytes, segment.offset) for segment in track.index.segments]
    return _playlist(track, entries, "#EXT-X-INDEPENDENT-SEGMENTS")


def hls_pictures(track: Track) -> str:
    """The first picture of every segment alone, which is what a player shows while it winds."""
    entries = [(segment.seconds, segment.first_bytes, segment.offset) for segment in track.index.segments]
    return _playlist(track, entries, "#EXT-X-I-FRAMES-ONLY")


def _playlist(track: Track, entries: list[tuple[float, int, int]], sort: str) -> str:
    """``entries``: seconds, bytes and offset of each piece."""
    longest = max(1, round(max(seconds for seconds, _, _ in entries)))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{longest}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        sort,
        f'#EXT-X-MAP:URI="{track.name}",BYTERANGE="{track.index.init_bytes}@{track.index.start}"',
    ]
    for seconds, size, offset in entries:
        lines += [f"#EXTINF:{seconds:.6f},", f"#EXT-X-BYTERANGE:{size}@{offset}", track.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def hls_masters(videos: Sequence[Track], audios: Sequence[Track]) -> dict[str, tuple[str, str]]:
    """Codec to name and text of its multivariant playlist: native players stop on a list of several codecs. The first
    codec's is ``master.m3u8``; a recording has that one alone, under the codec ""."""
    codecs = sorted(dict.fromkeys(track.codec for track in videos), key=lambda codec: codec != "h264") or [""]
    names = [MASTER, *(f"master-{codec}.m3u8" for codec in codecs[1:])]
    return {
        codec: (name, _master([track for track in videos if track.codec == codec], audios))
        for codec, name in zip(codecs, names, strict=True)
    }


def trick(videos: Sequence[Track]) -> Track | None:
    """The track whose key frames serve winding: the smallest that everything plays."""
    plain = [track for track in videos if track.codec == "h264"]
    return min(plain, key=lambda track: track.index.average_rate, default=None)


def _master(videos: Sequence[Track], audios: Sequence[Track]) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    groups: dict[str, list[Track]] = {}
    for audio in audios:
        groups.setdefault(audio.group, []).append(audio)
    if not videos:
        for members in groups.values():
            lines += _spoken(members)
        return "\n".join([*lines, ""])
    lines += [_choice(audio) for audio in audios]
    for group in groups or [""]:
        for video in videos:
            lines += [f"#EXT-X-STREAM-INF:{_variant(video, groups.get(group, []))}", video.playlist]
    winding = trick(videos)
    return "\n".join([*lines, *([_winding(winding)] if winding else []), ""])


def _spoken(members: list[Track]) -> list[str]:
    """A variant of sound alone: the default of its languages, beside which the others can be chosen."""
    first = next((track for track in members if track.default), members[0])
    choices = [_choice(track) for track in members] if len(members) > 1 else []
    group = f',AUDIO="{first.group}"' if choices else ""
    return [*choices, f"#EXT-X-STREAM-INF:{_rates([first])}{group}", first.playlist]


def _rates(tracks: Sequence[Track]) -> str:
    codecs = ",".join(dict.fromkeys(track.index.codecs for track in tracks))
    peak = sum(track.index.peak_rate for track in tracks)
    average = sum(track.index.average_rate for track in tracks)
    return f'BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codecs}"'


def _variant(video: Track, sounds: Sequence[Track]) -> str:
    loudest = sorted(sounds, key=lambda audio: -audio.index.peak_rate)[:1]
    size = f"RESOLUTION={video.index.width}x{video.index.height},FRAME-RATE={float(video.fps or 0):.3f},VIDEO-RANGE=SDR"
    group = f',AUDIO="{loudest[0].group}"' if loudest else ""
    return f"{_rates([video, *loudest])},{size}{group}"


def _winding(track: Track) -> str:
    index = track.index
    return (
        f'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={index.picture_rate},CODECS="{index.codecs}",'
        f'RESOLUTION={index.width}x{index.height},VIDEO-RANGE=SDR,URI="{PICTURES}"'
    )


def _choice(audio: Track) -> str:
    language = f'LANGUAGE="{audio.language}",' if audio.language != "und" else ""
    label = " ".join(audio.label.replace('"', "'").split())
    chosen = "DEFAULT=YES,AUTOSELECT=YES" if audio.default else "DEFAULT=NO,AUTOSELECT=YES"
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{audio.group}",{language}NAME="{label}",{chosen},'
        f'CHANNELS="{audio.index.channels}",URI="{audio.playlist}"'
    )


def dash(videos: Sequence[Track], audios: Sequence[Track], seconds: float, board: StoryboardStep | None = None) -> str:
    """A static presentation of the on-demand profile: each representation is a range of the file with its own index
    in front. Codecs and languages are sets of their own, since a player stays within one."""
    sets: list[str] = []
    for codec in dict.fromkeys(track.codec for track in videos):
        sets += _video_set([track for track in videos if track.codec == codec])
    for voice in dict.fromkeys(_voice(audio) for audio in audios):
        sets += _audio_set([audio for audio in audios if _voice(audio) == voice], main=voice == _voice(audios[0]))
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"'
            f' type="static" mediaPresentationDuration="PT{seconds:.3f}S" minBufferTime="PT4S">',
            '  <Period id="0" start="PT0S">',
            *sets,
            *(_board_set(board) if board else []),
            "  </Period>",
            "</MPD>",
            "",
        ]
    )


def _voice(audio: Track) -> tuple[str, str, int | None]:
    return audio.language, audio.label, audio.index.channels


def _video_set(videos: list[Track]) -> list[str]:
    lines = ['    <AdaptationSet contentType="video" mimeType="video/mp4" startWithSAP="1">']
    for video in videos:
        size = f'width="{video.index.width}" height="{video.index.height}" sar="1:1" frameRate="{video.fps}"'
        lines += _representation(video, size)
    return [*lines, "    </AdaptationSet>"]


def _audio_set(audios: list[Track], *, main: bool) -> list[str]:
    language = f" lang={quoteattr(audios[0].language)}"
    lines = [f'    <AdaptationSet contentType="audio" mimeType="audio/mp4"{language} startWithSAP="1">']
    role = "main" if main else "alternate"
    channels = 'schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration"'
    lines.append(f'      <AudioChannelConfiguration {channels} value="{audios[0].index.channels}"/>')
    lines.append(f'      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>')
    lines.append(f"      <Label>{_escaped(audios[0].label)}</Label>") if audios[0].label else None
    for audio in audios:
        lines += _representation(audio, f'audioSamplingRate="{audio.index.sample_rate}"')
    return [*lines, "    </AdaptationSet>"]


def _representation(track: Track, more: str) -> list[str]:
    index = track.index
    first, last = index.sidx[0], index.sidx[0] + index.sidx[1] - 1
    return [
        f'      <Representation id="{track.spec}" codecs="{index.codecs}" bandwidth="{index.peak_rate}" {more}>',
        f"        <BaseURL>{track.name}</BaseURL>",
        f'        <SegmentBase indexRange="{first}-{last}">',
        f'          <Initialization range="{index.start}-{index.start + index.init_bytes - 1}"/>',
        "        </SegmentBase>",
        "      </Representation>",
    ]


def _board_set(board: StoryboardStep) -> list[str]:
    """The sprite as tiles (DASH-IF IOP 5, part 3, 6.2.6): one picture that holds all of the film."""
    count = board.columns * board.rows
    width, height = board.columns * board.width, board.rows * board.height
    tiles = f'schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="{board.columns}x{board.rows}"'
    return [
        '    <AdaptationSet contentType="image" mimeType="image/jpeg">',
        f'      <SegmentTemplate media="{storyboard.SPRITE}" duration="{count * board.interval:g}" startNumber="1"/>',
        f'      <Representation id="storyboard" bandwidth="10000" width="{width}" height="{height}">',
        f"        <EssentialProperty {tiles}/>",
        "      </Representation>",
        "    </AdaptationSet>",
    ]


def _escaped(text: str) -> str:
    return quoteattr(text)[1:-1]
