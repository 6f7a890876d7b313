from django.urls import path

from accounts import views

urlpatterns = [
    path("accounts/data/", views.my_data, name="my_data"),
    path("accounts/name/", views.rename, name="rename"),
    path("accounts/leave/", views.leave, name="leave"),
    path("accounts/left/", views.left, name="left"),
    path("privacy/", views.privacy, name="privacy"),
]
