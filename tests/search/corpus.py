# ruff: noqa: E501 - a table reads better with a row a line
"""Forty small courses, written for these tests."""

from __future__ import annotations

from catalog.models import Course, Institution, Lesson, Place, Teacher, Theme
from media_pipeline.models import AssetState, DocumentPage, MediaAsset, TextTrack

# slug, title, summary, kind, theme, place, institution, level, seconds, views
ROWS = [
    ("miao-xiu", "非遗苗绣入门", "从破线绣到打籽绣，认识苗族绣娘手中的针法。", "video", "craft", "522601", "kaili", "starter", 1500, 900),
    ("shu-xiu", "蜀绣双面绣", "双面绣一针两面，蜀绣传承人示范晕针。", "video", "craft", "510104", "chengdu", "advanced", 3000, 400),
    ("xiang-xiu", "湘绣里的狮虎", "鬅毛针绣出老虎的皮毛。", "gallery", "craft", "430104", "chengdu", "", None, 120),
    ("chuan-ju", "川剧变脸的秘密", "变脸、吐火与帮腔。", "video", "stage", "510104", "chengdu", "", 2400, 800),
    ("tai-ji", "二十四式太极拳", "起势、野马分鬃、白鹤亮翅，每天十分钟。", "video", "health", "330106", "hangzhou", "starter", 5600, 3000),
    ("phone", "老年人智能手机课堂", "微信、健康码、防诈骗，一学就会。", "video", "digital", "330106", "hangzhou", "starter", 800, 5000),
    ("yue-ju", "越剧《梁祝》赏析", "十八相送与楼台会。", "audio", "stage", "330683", "hangzhou", "", 1700, 260),
    ("long-jing", "龙井茶的春天", "采青、摊放、青锅、辉锅，看炒茶师傅的手。", "video", "craft", "330106", "hangzhou", "", 900, 640),
    ("c-language", "C语言程序设计", "变量、循环与指针。", "video", "digital", "330106", "hangzhou", "middle", 7200, 330),
    ("5g", "5G时代的乡村", "基站进村，直播带货。", "link", "digital", "522601", "kaili", "", None, 70),
    ("music", "音乐欣赏十讲", "古琴、二胡与交响乐。", "audio", "stage", "110101", "beijing", "", 6000, 500),
    ("chong-qing", "重庆小面的一天", "红油、碱面、豌豆。", "video", "food", "500153", "rongchang", "", 500, 210),
    ("xia-bu", "荣昌夏布织造技艺", "打麻、挽麻团、牵线、织布。", "reading", "craft", "500153", "rongchang", "middle", None, 150),
    ("yin-hang", "银行防骗指南", "短信、电话与假客服。", "reading", "digital", "110101", "beijing", "", None, 90),
    ("90hou", "90后的传统节日", "年轻人怎样过端午。", "video", "stage", "110101", "beijing", "", 660, 30),
    ("xss", "<script>alert(1)</script>网页安全", "标题里的 <b>标签</b> 与“引号”。", "video", "digital", "110101", "beijing", "", 600, 10),
    ("calligraphy", "颜真卿楷书", "永字八法。", "video", "stage", "110101", "beijing", "starter", 2000, 300),
    ("baduanjin", "八段锦养生功", "两手托天理三焦。", "video", "health", "110101", "beijing", "starter", 1300, 2000),
    ("diet", "四季养生饮食", "春养肝，夏养心。", "reading", "health", "510104", "chengdu", "", None, 410),
    ("qin-qiang", "秦腔名段", "三滴血与周仁回府。", "audio", "stage", "610103", "xian", "", 1800, 77),
    ("xian-wall", "西安城墙", "一块砖的来历。", "gallery", "stage", "610103", "xian", "", None, 88),
    ("paper", "剪纸过大年", "窗花、喜花与抓髻娃娃。", "video", "craft", "610103", "xian", "starter", 700, 95),
]  # fmt: skip
FILLERS = [
    "古诗词诵读",
    "家庭急救常识",
    "亲子阅读",
    "插花艺术",
    "法律明白人",
    "水稻栽培",
    "茶艺师考证",
    "普通话水平测试",
    "合唱训练",
]
THEMES = {
    "craft": ("手艺", "culture"),
    "stage": ("戏曲与艺术", "culture"),
    "food": ("美食", "culture"),
    "health": ("健康乐享", ""),
    "digital": ("数字生活", ""),
    "culture": ("地方文化", ""),
}
PLACES = {
    "52": "贵州省", "5226": "黔东南苗族侗族自治州", "522601": "凯里市", "51": "四川省", "5101": "成都市", "510104": "锦江区",
    "43": "湖南省", "4301": "长沙市", "430104": "岳麓区", "33": "浙江省", "3301": "杭州市", "330106": "西湖区", "3306": "绍兴市",
    "330683": "嵊州市", "11": "北京市", "1101": "市辖区", "110101": "东城区", "50": "重庆市", "5001": "市辖区", "500153": "荣昌区",
    "61": "陕西省", "6101": "西安市", "610103": "碑林区",
}  # fmt: skip
INSTITUTIONS = {
    "kaili": "凯里开放大学", "chengdu": "成都社区大学", "hangzhou": "杭州老年大学", "beijing": "北京学习网", "rongchang": "荣昌文化馆",
    "xian": "西安群众艺术馆",
}  # fmt: skip
CUES = [
    [0, 6, "大家好，今天我们认识苗绣。"],
    [6, 20, "先把一根丝线破成八股。"],
    [20, 33, "这种针法叫做破线绣。"],
    [33, 50, "接下来，绕线三圈，向下一拉，就是打籽绣，一粒一粒像小米。"],
    [50, 75, "最后用锡箔包住线头。"],
]


def make() -> dict[str, Course]:
    """The library in the database, by slug."""
    roots = {slug: Theme.add_root(slug=slug, name=name) for slug, (name, above) in THEMES.items() if not above}
    for slug, (name, above) in THEMES.items():
        if above:
            Theme.objects.get(pk=roots[above].pk).add_child(slug=slug, name=name)
    for code, name in PLACES.items():
        above = {4: code[:2], 6: code[:4]}.get(len(code))
        Place.objects.create(code=code, name=name, level=len(code) // 2, parent_id=above)
    houses = {code: Institution.add_root(code=code, name=name) for code, name in INSTITUTIONS.items()}
    courses = {row[0]: _course(row, houses) for row in ROWS}
    for number, title in enumerate(FILLERS * 2):
        row = (f"filler-{number}", f"{title}第{number + 1}期", "", "video", "digital", "110101", "beijing", "", 600, 0)
        courses[row[0]] = _course(row, houses)
    _inside(courses)
    return courses


def _course(row: tuple, houses: dict[str, Institution]) -> Course:
    slug, title, summary, kind, theme, place, house, level, seconds, views = row
    course = Course(
        slug=slug, title=title, summary=summary, kind=kind, institution=houses[house], level=level, views=views,
        live=True, language="zh-Hans",
    )  # fmt: skip
    course.themes = [Theme.objects.get(slug=theme)]
    course.places = [Place.objects.get(code=place)]
    course.save()
    Course.objects.filter(pk=course.pk).update(duration=seconds)
    return course


def _inside(courses: dict[str, Course]) -> None:
    course = courses["miao-xiu"]
    course.alternative_titles = ["Miao embroidery for beginners"]
    teacher = Teacher.objects.create(name="吴水根", institution=course.institution)
    course.teachers = [teacher]
    course.save()
    film = MediaAsset.objects.create(owner="kaili", title="苗绣", filename="a.mp4", state=AssetState.PUBLISHED)
    Lesson.objects.create(course=course, number=1, title="丝线", sort_order=0)
    Lesson.objects.create(course=course, number=3, title="两种针法", asset=film, sort_order=2)
    TextTrack.objects.create(asset=film, cues=CUES)
    book = MediaAsset.objects.create(owner="rongchang", title="夏布", filename="a.pdf", state=AssetState.PUBLISHED)
    Lesson.objects.create(course=courses["xia-bu"], number=1, title="读本", asset=book)
    for number, text in enumerate(["苎麻长在坡地上。", "挽麻团要用指甲掐头，再捻成线。", "布边用石磨压平。"], 1):
        DocumentPage.objects.create(asset=book, number=number, text=text)
    Course.objects.filter(pk=courses["phone"].pk).update(duration=800)
    Course.objects.filter(pk=course.pk).update(duration=1500, has_captions=True)
