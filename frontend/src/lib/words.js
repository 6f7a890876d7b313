// The controls' names in the page's language; media-chrome speaks English by itself.
import { setLanguage } from "media-chrome/dist/utils/i18n.js";
import "media-chrome/dist/lang/zh-CN.js";
import "media-chrome/dist/lang/zh-TW.js";

setLanguage({ "zh-Hans": "zh-CN", "zh-Hant": "zh-TW" }[document.documentElement.lang] ?? "en");
