"""What the pipeline holds about people."""

from django.utils.translation import gettext_lazy as _

from accounts.personal import Holding, Rows, hold

hold(
    [
        Holding(
            "uploads",
            _("为机构上传的文件，是谁传的"),
            _("同事知道该问谁；断了能接着传"),
            _("文件由机构保管；没传完的过期即清理"),
            "uploads",
            (
                Rows(
                    "media_pipeline.MediaAsset",
                    "created_by",
                    _("上传的文件"),
                    {"title": _("名称"), "filename": _("文件名"), "owner": _("机构代码"), "created_at": _("时间")},
                    stays=_("文件是机构的，留在机构"),
                ),
                Rows(
                    "media_pipeline.Upload",
                    "created_by",
                    _("上传的经过"),
                    {"filename": _("文件名"), "owner": _("机构代码"), "state": _("状态"), "created_at": _("时间")},
                    stays=_("文件是机构的，留在机构"),
                ),
            ),
            staff=True,
        )
    ]
)
