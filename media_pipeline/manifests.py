"""HLS (RFC 8216) and DASH (ISO 23009-1) over the same file, written from the measured index of each track in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from xml.sax.saxutils import quoteattr

from media_pipeline.formats import storyboard
from media_pipeline.formats.cmaf import Index
from media_pipeline.plan import StoryboardStep

MASTER, MPD, PICTURES = "master.m3u8", "manifest.mpd", "iframes.m3u8"
MICROSECONDS = 1_000_000
STEADY = 0.25  # seconds; players look for a segment where equal steps put it, and take its own times from then on
CODECS = {"avc1": "h264", "av01": "av1"}


@dataclass(frozen=True, slots=True)
class Track:
    """One track: its ``index`` counts in the file ``name``. ``fps`` is None for sound; ``language``, ``label``,
    ``default`` and ``group`` are for sound: a listener chooses among those of a group, a player among groups; one
    without a group is in no list and has only its own."""

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
    """Codec to name and text of its multivariant playlist, the one that everything plays first; a recording's codec is
    "". Native players stop on a list that mixes codecs, and on one that mixes stereo with more channels: where there
    are both, ``<codec>-surround`` names a list of its own."""
    codecs = sorted(dict.fromkeys(track.codec for track in videos), key=lambda codec: codec != "h264") or [""]
    stereo = [audio for audio in audios if (audio.index.channels or 0) <= 2]
    around = [audio for audio in audios if audio not in stereo]
    lists = {}
    for number, codec in enumerate(codecs):
        pictures = [track for track in videos if track.codec == codec]
        lists[codec] = (f"master-{codec}.m3u8" if number else MASTER, _master(pictures, stereo or around))
        if stereo and around:
            name = "-".join(part for part in (codec, "surround") if part)
            lists[name] = (f"master-{name}.m3u8", _master(pictures, [*around, *_missing(around, stereo)]))
    return lists


def _missing(around: Sequence[Track], stereo: Sequence[Track]) -> list[Track]:
    """Voices that came in stereo only, to be chosen beside the others."""
    there = {_name(audio) for audio in around}
    return [replace(audio, group=around[0].group) for audio in stereo if _name(audio) not in there]


def trick(videos: Sequence[Track]) -> Track | None:
    """The track whose key frames serve winding: the smallest that everything plays."""
    plain = [track for track in videos if track.codec == "h264"]
    return min(plain, key=lambda track: track.index.average_rate, default=None)


def _master(videos: Sequence[Track], audios: Sequence[Track]) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    groups = _groups(audios)
    if not videos:
        for members in groups.values():
            lines += _spoken(members)
        return "\n".join([*lines, ""])
    lines += [_choice(audio) for members in groups.values() for audio in members]
    for group in groups or [""]:
        for video in videos:
            lines += [f"#EXT-X-STREAM-INF:{_variant(video, groups.get(group, []))}", video.playlist]
    winding = trick(videos)
    return "\n".join([*lines, *([_winding(winding)] if winding else []), ""])


def _groups(audios: Sequence[Track]) -> dict[str, list[Track]]:
    """Every group offers the same choice (RFC 8216, 4.3.4.1.1): what was not made for it is taken from the first that
    has it."""
    names = dict.fromkeys(_name(audio) for audio in audios)
    groups: dict[str, list[Track]] = {}
    for group in dict.fromkeys(audio.group for audio in audios):
        ranked = sorted(audios, key=lambda audio: audio.group != group)
        members = (next(audio for audio in ranked if _name(audio) == name) for name in names)
        groups[group] = [replace(audio, group=group) for audio in members]
    return groups


def _name(audio: Track) -> tuple[str, str]:
    return audio.language, audio.label


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
    """A static presentation: each representation is a range of the file. Codecs and languages are sets of their own,
    since a player stays within one."""
    sets: list[str] = []
    for codec in dict.fromkeys(track.codec for track in videos):
        sets += _video_set([track for track in videos if track.codec == codec])
    for voice in dict.fromkeys(_voice(audio) for audio in audios):
        sets += _audio_set([audio for audio in audios if _voice(audio) == voice], main=voice == _voice(audios[0]))
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011"'
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
    return *_name(audio), audio.index.channels


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
    return [
        f'      <Representation id="{track.spec}" codecs="{index.codecs}" bandwidth="{index.peak_rate}" {more}>',
        f"        <BaseURL>{track.name}</BaseURL>",
        *(_listed(index) if _steady(index) else _indexed(index)),
        "      </Representation>",
    ]


def _usual(index: Index) -> float:
    """Seconds from the beginning of one segment to that of the next, on the whole."""
    before_last = index.seconds - index.segments[-1].seconds
    return before_last / (len(index.segments) - 1) if len(index.segments) > 1 else index.seconds


def _steady(index: Index) -> bool:
    """Whether segments begin where equal steps would put them."""
    step, reached = _usual(index), 0.0
    for number, segment in enumerate(index.segments):
        if abs(reached - number * step) > STEADY:
            return False
        reached += segment.seconds
    return True


def _listed(index: Index) -> list[str]:
    """Every segment's range. Longer than a reference to the index in front of the track, but readers that open a file
    from its beginning whatever the reference says would all get the first track."""
    first = f'<Initialization range="{_range(index.start, index.init_bytes)}"/>'
    return [
        f'        <SegmentList timescale="{MICROSECONDS}" duration="{round(_usual(index) * MICROSECONDS)}">',
        f"          {first}",
        *(f'          <SegmentURL mediaRange="{_range(s.offset, s.bytes)}"/>' for s in index.segments),
        "        </SegmentList>",
    ]


def _indexed(index: Index) -> list[str]:
    """Segments of any length need the index, which alone says when each begins."""
    return [
        f'        <SegmentBase indexRange="{_range(*index.sidx)}">',
        f'          <Initialization range="{_range(index.start, index.init_bytes)}"/>',
        "        </SegmentBase>",
    ]


def _range(offset: int, size: int) -> str:
    return f"{offset}-{offset + size - 1}"


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
