from django.urls import path

from catalog import embedding, podcasts, views
from catalog.oai.views import oai

urlpatterns = [
    path("courses/<slug:slug>/", views.course, name="course"),
    path("courses/<slug:slug>/<int:number>/", views.course, name="lesson"),
    path("embed/<slug:slug>/", embedding.embed, name="embed"),
    path("embed/<slug:slug>/<int:number>/", embedding.embed, name="embed_lesson"),
    path("oembed", embedding.oembed, name="oembed"),
    path("feeds/latest/", views.LatestFeed(), name="feed_latest"),
    path("feeds/<slug:kind>/<slug:value>/", views.LatestFeed(), name="feed"),
    path("feeds/podcast/courses/<slug:slug>/", podcasts.CoursePodcast(), name="podcast"),
    path("feeds/podcast/institutions/<slug:code>/", podcasts.InstitutionPodcast(), name="podcast_institution"),
    path("oai", oai, name="oai"),
    path("icon.svg", views.icon, name="icon"),
    path("covers/<slug:name>/<slug:colour>/<int:seed>.svg", views.cover, name="cover"),
]
