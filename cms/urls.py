from django.contrib.sitemaps import views as sitemap_views
from django.urls import path
from django.views.decorators.cache import cache_page

from catalog import sitemaps
from cms import app, invitations, linking, views

SITEMAPS = {
    "courses": sitemaps.CourseSitemap,
    "films": sitemaps.FilmSitemap,
    "themes": sitemaps.ThemeSitemap,
    "places": sitemaps.PlaceSitemap,
    "institutions": sitemaps.InstitutionSitemap,
    "teachers": sitemaps.TeacherSitemap,
    "pages": views.CollectionSitemap,
}

urlpatterns = [
    path("", views.home, name="home"),
    path("themes/", views.themes, name="themes"),
    path("themes/<slug:slug>/", views.theme, name="theme"),
    path("places/", views.places, name="places"),
    path("places/<slug:code>/", views.place, name="place"),
    path("institutions/<slug:code>/", views.institution, name="institution"),
    path("teachers/<slug:pk>/", views.teacher, name="teacher"),
    path("collections/", views.collections, name="collections"),
    path("feeds/podcast/collections/<str:slug>/", views.CollectionPodcast(), name="podcast_collection"),
    path("shelf/", views.shelf, name="shelf"),
    path("offline/", app.offline, name="offline"),
    path("sw.js", app.service_worker, name="service_worker"),
    path("app.webmanifest", app.manifest, name="manifest"),
    path("help/", views.help_page, name="help"),
    path("language/<slug:code>/", views.set_language, name="set_language"),
    path("look/<slug:name>/<slug:value>/", views.set_look, name="set_look"),
    path("join/<str:token>/", invitations.join, name="join"),
    path("link/", linking.confirm, name="link"),
    path("link/<str:code>/", linking.confirm, name="link_code"),
    path("tv/", views.tv, name="tv"),
    path("tv/link/", linking.show, name="tv_link"),
    path("tv/link/state/", linking.state, name="tv_link_state"),
    path("tv/search/", views.tv_search, name="tv_search"),
    path("tv/collections/<str:slug>/", views.tv_collection, name="tv_collection"),
    path("tv/<slug:slug>/", views.tv_lesson, name="tv_course"),
    path("tv/<slug:slug>/<int:number>/", views.tv_lesson, name="tv_lesson"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("robots.txt", views.robots, name="robots"),
    path("sitemap.xml", cache_page(3600)(sitemap_views.index), {"sitemaps": SITEMAPS}, name="sitemap"),
    path(
        "sitemap-<slug:section>.xml",
        cache_page(3600)(sitemap_views.sitemap),
        {"sitemaps": SITEMAPS},
        name="django.contrib.sitemaps.views.sitemap",
    ),
]
