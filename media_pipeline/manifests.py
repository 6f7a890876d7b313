"""HLS (RFC 8216) and DASH (ISO 23009-1) over the same files, written from the measured index of each file."""

from dataclasses import dataclass
from fractions import Fraction
from xml.sax.saxutils import quoteattr

from media_pipeline.formats.cmaf import Index

MASTER, MPD = "master.m3u8", "manifest.mpd"


@dataclass(frozen=True, slots=True)
class Track:
    """One file of the package. ``fps`` is None for sound; ``language`` and ``label`` are for sound."""

    spec: str
    name: str
    index: Index
    fps: Fraction | None = None
    language: str = "und"
    label: str = ""
    default: bool = False

    @property
    def playlist(self) -> str:
        return f"{self.spec}.m3u8"

    @property
    def frame_rate(self) -> str:
        return f"{float(self.fps or 0):.3f}"


def hls_media(track: Track) -> str:
    """The media playlist of one file: byte ranges of the one file, whole and for ever."""
    index = track.index
    longest = max(1, round(max(segment.seconds for segment in index.segments)))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{longest}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{track.name}",BYTERANGE="{index.init_bytes}@0"',
    ]
    for segment in index.segments:
        lines += [f"#EXTINF:{segment.seconds:.6f},", f"#EXT-X-BYTERANGE:{segment.bytes}@{segment.offset}", track.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def hls_master(videos: list[Track], audios: list[Track]) -> str:
    """The multivariant playlist. Without video every sound is a variant; with it, sound is a group of languages."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not videos:
        lines += [line for audio in audios for line in (f"#EXT-X-STREAM-INF:{_rates([audio])}", audio.playlist)]
        return "\n".join([*lines, ""])
    lines += [_audio_group(audio) for audio in audios]
    for video in videos:
        lines += [f"#EXT-X-STREAM-INF:{_variant(video, audios)}", video.playlist]
    return "\n".join([*lines, ""])


def _rates(tracks: list[Track]) -> str:
    codecs = ",".join(dict.fromkeys(track.index.codecs for track in tracks))
    peak = sum(track.index.peak_rate for track in tracks)
    average = sum(track.index.average_rate for track in tracks)
    return f'BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{codecs}"'


def _variant(video: Track, audios: list[Track]) -> str:
    loudest = sorted(audios, key=lambda audio: -audio.index.peak_rate)[:1]
    size = f"RESOLUTION={video.index.width}x{video.index.height},FRAME-RATE={video.frame_rate}"
    group = ',AUDIO="audio"' if audios else ""
    return f"{_rates([video, *loudest])},{size}{group}"


def _audio_group(audio: Track) -> str:
    language = f'LANGUAGE="{audio.language}",' if audio.language != "und" else ""
    label = audio.label.replace('"', "'").replace("\n", " ")
    chosen = "DEFAULT=YES,AUTOSELECT=YES" if audio.default else "DEFAULT=NO,AUTOSELECT=YES"
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",{language}NAME="{label}",{chosen},'
        f'CHANNELS="{audio.index.channels}",URI="{audio.playlist}"'
    )


def dash(videos: list[Track], audios: list[Track], seconds: float) -> str:
    """A static presentation of the on-demand profile: each representation is one file with its index in front."""
    sets = _video_set(videos) if videos else []
    for language_rank, language in enumerate(_languages(audios)):
        sets += _audio_set([audio for audio in audios if _language(audio) == language], main=language_rank == 0)
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"'
            f' type="static" mediaPresentationDuration="PT{seconds:.3f}S" minBufferTime="PT4S">',
            '  <Period id="0" start="PT0S">',
            *sets,
            "  </Period>",
            "</MPD>",
            "",
        ]
    )


def _languages(audios: list[Track]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(_language(audio) for audio in audios))


def _language(audio: Track) -> tuple[str, str]:
    return audio.language, audio.label


def _video_set(videos: list[Track]) -> list[str]:
    lines = ['    <AdaptationSet contentType="video" mimeType="video/mp4" startWithSAP="1">']
    for video in videos:
        size = f'width="{video.index.width}" height="{video.index.height}" sar="1:1" frameRate="{video.fps}"'
        lines += _representation(video, size)
    return [*lines, "    </AdaptationSet>"]


def _audio_set(audios: list[Track], *, main: bool) -> list[str]:
    language = f" lang={quoteattr(audios[0].language)}"
    lines = [f'    <AdaptationSet contentType="audio" mimeType="audio/mp4"{language}>']
    lines.append(f"      <Label>{_escaped(audios[0].label)}</Label>") if audios[0].label else None
    role = "main" if main else "alternate"
    lines.append(f'      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>')
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
        f'          <Initialization range="0-{index.init_bytes - 1}"/>',
        "        </SegmentBase>",
        "      </Representation>",
    ]


def _escaped(text: str) -> str:
    return quoteattr(text)[1:-1]
