// The page without a network: it tries the address again by itself, and when the reader asks. That a device has a network
// does not say that we can be reached, and not every browser tells that it has one again.

import { keptList } from "./lib/keeping.js";

const EVERY = 5000; // milliseconds

const again = () => location.reload();
addEventListener("online", again);
document.querySelector("[data-again]").addEventListener("click", again);
setInterval(() => fetch(location.href, { method: "HEAD", cache: "no-store" }).then(again, () => {}), EVERY);

keptList(document.querySelector("[data-kept]"));
