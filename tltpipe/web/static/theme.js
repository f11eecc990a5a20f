/** Elements, and the toggle between light and dark that all pages have. */

/** An element `name` with `attributes` (functions are listeners: {onclick}; null ones are left out) and `children`. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (key === "style") made.style.cssText = value ?? ""; // as an attribute it is forbidden by the policy of the page
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button that changes between the system's colours, light and dark; the choice is remembered by the browser. */
export function themeToggle() {
  const order = ["system", "light", "dark"];
  const button = element("button", { class: "quiet", type: "button" });
  const show = (choice) => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    button.textContent = { system: "◐ Auto", light: "☀ Light", dark: "☾ Dark" }[choice];
    button.setAttribute("aria-label", `Colours: ${choice}`);
  };
  let choice = remembered("theme", "system");
  if (!order.includes(choice)) choice = "system";
  show(choice);
  button.addEventListener("click", () => {
    choice = order[(order.indexOf(choice) + 1) % order.length];
    remember("theme", choice);
    show(choice);
  });
  return button;
}

/** A button that puts `text()` on the clipboard. */
export function copyButton(text, label = "Copy") {
  const button = element("button", { type: "button", class: "no-print" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.textContent = label; }, 1600);
  });
  return button;
}

/** A value that the browser keeps for this site; `otherwise` where it keeps none, or may not. */
export function remembered(key, otherwise) {
  try { return localStorage.getItem(`tltpipe.${key}`) ?? otherwise; } catch { return otherwise; }
}

export function remember(key, value) {
  try { localStorage.setItem(`tltpipe.${key}`, value); } catch { /* a private window: it lasts as long as the page */ }
}
