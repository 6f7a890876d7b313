"""Readings: pages, their words and the tree of their contents."""

import io

from media_pipeline.caged.pdf import nested
from media_pipeline.produce import produce
from tests.media_pipeline import clips

OUTLINE = [
    b"<< /Type /Catalog /Pages 2 0 R /Outlines 7 0 R >>",
    b"<< /Type /Pages /Kids [4 0 R 5 0 R 6 0 R] /Count 3 >>",
    b"<< >>",
    *[b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] >>"] * 3,
    b"<< /Type /Outlines /First 8 0 R /Last 10 0 R >>",
    b"<< /Title (Stitches) /Parent 7 0 R /Dest [4 0 R /Fit] /First 9 0 R /Last 9 0 R /Next 10 0 R >>",
    b"<< /Title (Seed stitch) /Parent 8 0 R /Dest [5 0 R /Fit] >>",
    b"<< /Title (Colours) /Parent 7 0 R /Dest [6 0 R /Fit] >>",
]
NESTED_NAV = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>
<li><span>上篇</span><ol><li><a href="a.xhtml">第一章</a><ol><li><a href="a.xhtml#s">第一节</a></li></ol></li></ol></li>
<li><a href="b.xhtml">下篇</a></li><li><a href="gone.xhtml">没有的一章</a></li></ol></nav></body></html>"""
NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>上篇</text></navLabel><content src="a.xhtml"/>
<navPoint><navLabel><text>第二章</text></navLabel><content src="b.xhtml"/></navPoint></navPoint></navMap></ncx>"""


def _read(tmp_path, name, data):
    source = tmp_path / name
    source.write_bytes(data)
    return produce(source, tmp_path / "out", report=lambda step, fraction: None)


def _lines(nodes, depth=0):
    for node in nodes:
        yield depth, node["title"], node["page"]
        yield from _lines(node["children"], depth + 1)


def test_pdf_tells_its_outline_as_a_tree(tmp_path):
    product = _read(tmp_path, "书.pdf", clips.pdf_file(OUTLINE, "/Root 1 0 R"))
    reading = product.manifest["reading"]
    assert list(_lines(reading["outline"])) == [(0, "Stitches", 1), (1, "Seed stitch", 2), (0, "Colours", 3)]
    assert [page["title"] for page in reading["pages"]] == ["Stitches", "Seed stitch", "Colours"]
    assert [page["picture"] for page in reading["pages"]] == [f"pages/000{n}.webp" for n in (1, 2, 3)]
    assert {page["height"] for page in reading["pages"]} == {1600}


def test_pdf_without_words_says_so(tmp_path):
    scan = io.BytesIO()
    clips.Image.new("RGB", (300, 400), "white").save(scan, "PDF")
    product = _read(tmp_path, "扫描.pdf", scan.getvalue())
    assert [page.text for page in product.pages] == [""]
    assert "OCR" in product.warnings[0]
    assert _read(tmp_path, "文字.pdf", clips.pdf()).warnings == ()


def test_epub_tells_its_contents_as_a_tree(tmp_path):
    reading = _read(tmp_path, "书.epub", clips.epub(nav=NESTED_NAV)).manifest["reading"]
    assert list(_lines(reading["outline"])) == [(0, "上篇", 1), (1, "第一章", 1), (2, "第一节", 1), (0, "下篇", 2)]
    assert [page["title"] for page in reading["pages"]] == ["上篇", "下篇"]
    assert reading["pages"][0]["pictures"] == ["pictures/0001.webp"]


def test_epub_of_the_old_kind_tells_its_contents(tmp_path):
    opf = clips.OPF.replace(
        'properties="nav" media-type="application/xhtml+xml"', 'media-type="application/x-dtbncx+xml"'
    )
    reading = _read(tmp_path, "书.epub", clips.epub(nav=NCX, opf=opf)).manifest["reading"]
    assert list(_lines(reading["outline"])) == [(0, "上篇", 1), (1, "第二章", 2)]


def test_nested_does_not_fill_in_skipped_levels():
    assert list(_lines(nested([(0, "a", 1), (3, "b", 2), (1, "c", 3)]))) == [(0, "a", 1), (1, "b", 2), (1, "c", 3)]
