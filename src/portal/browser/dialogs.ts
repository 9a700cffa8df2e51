/** A link marked data-dialog opens its page's main content in a dialog of this page; where that fails, the page itself. */
export function improveDialogs(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-dialog]")) {
    link.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      try {
        await open(link);
      } catch {
        location.href = link.href;
      }
    });
  }
}

async function open(link: HTMLAnchorElement): Promise<void> {
  const response = await fetch(link.href, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [main, heading] = [page.querySelector("main"), page.querySelector("main h1")];
  if (main === null || heading === null) throw new Error("the page has no content");
  const dialog = document.createElement("dialog");
  heading.id = "dialog-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(...main.childNodes);
  for (const cancel of dialog.querySelectorAll<HTMLAnchorElement>("form a")) {
    cancel.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
  }
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  // Return alone must not delete.
  dialog.querySelector<HTMLElement>("form a")?.focus();
}
