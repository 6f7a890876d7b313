from django.urls import path, register_converter

from media_pipeline import views


class SignatureConverter:
    """22 letters of URL-safe base64: an MD5 without padding."""

    regex = "[A-Za-z0-9_-]{22}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(SignatureConverter, "signature")

urlpatterns = [
    path("media/parts/<str:token>", views.part, name="media_part"),
    path("media/~<int:expiry>.<signature:signature>/<path:key>", views.signed_media, name="signed_media"),
    path("media/<path:key>", views.media, name="media"),
]
