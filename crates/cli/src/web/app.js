// Asks every two seconds whether there is something new, and shows the page anew where there is. All words are the
// server's: nothing is made of text here.
"use strict";
(() => {
  const EVERY = 2000, LIMIT = 5000;
  const get = (id, of = document) => of.getElementById(id);
  let tag = document.documentElement.dataset.tag, shown = Date.now(), timer = 0, busy = false;

  const ask = (url, more) => fetch(url, { cache: "no-store", signal: AbortSignal.timeout(LIMIT), ...more });

  const show = (page) => {
    tag = page.documentElement.dataset.tag;
    shown = Date.now();
    document.title = page.title;
    const sentence = get("sentence", page).textContent;
    // Read out only where it changed.
    if (get("sentence").textContent !== sentence) get("sentence").textContent = sentence;
    for (const id of ["asof", "services", "running", "changes"]) {
      const to = get(id), from = get(id, page);
      // Who is on a link stays there where nothing changed.
      if (to.innerHTML !== from.innerHTML) to.replaceChildren(...from.childNodes);
    }
  };

  const look = async () => {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    try {
      const news = await ask("/api/status", { method: "HEAD", headers: { "If-None-Match": tag } });
      if (news.status !== 304) {
        const page = news.ok && (await ask(location.href));
        if (!page || !page.ok) throw new Error();
        show(new DOMParser().parseFromString(await page.text(), "text/html"));
      }
      get("lost").hidden = true;
    } catch {
      get("lost").hidden = false;
    }
    busy = false;
    const ago = Math.round((Date.now() - shown) / 1000);
    get("ago").textContent = ago > 0 ? `, ${ago} s ago` : "";
    timer = setTimeout(look, EVERY);
  };

  document.addEventListener("visibilitychange", look);
  timer = setTimeout(look, EVERY);
})();
