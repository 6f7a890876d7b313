// The controls of the player, a chunk of its own: they come after the first picture of the page.

import "./words.js"; // first: controls name themselves when they are made
import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-control-bar.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-volume-range.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-time-display.js";
import "media-chrome/dist/media-preview-thumbnail.js";
import "media-chrome/dist/media-captions-button.js";
import "media-chrome/dist/media-playback-rate-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-seek-backward-button.js";
import "media-chrome/dist/media-seek-forward-button.js";
import "media-chrome/dist/media-loading-indicator.js";

// media-chrome calls its captions control a button but gives it a checked state, which only a switch may have.
document.querySelector("media-captions-button").setAttribute("role", "switch");
