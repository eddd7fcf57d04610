// The frame of a live page takes the height of the page in it, and the page takes the theme of the site.
const frames = () => document.querySelectorAll("iframe.live");
const tellTheme = frame => frame.contentWindow.postMessage({ theme: document.body.dataset.theme || "auto" }, "*");

addEventListener("message", event => {
  for (const frame of frames()) if (event.source === frame.contentWindow && event.data.height) frame.style.height = `${event.data.height}px`;
});
for (const frame of frames()) {
  frame.addEventListener("load", () => tellTheme(frame));
  tellTheme(frame);
}
new MutationObserver(() => frames().forEach(tellTheme)).observe(document.body, { attributeFilter: ["data-theme"] });

// A box that scrolls sideways can be reached with the keyboard.
const reachable = () => {
  for (const box of document.querySelectorAll("pre, p, math[display=block], .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("resize", reachable);
reachable();
