import { SCRIPT_TEXTS } from "../web/texts.ts";

/** A button beside each text that people may want to copy; none where the browser gives pages no clipboard (plain http). */
export function addCopyButtons(): void {
  if (navigator.clipboard === undefined) return;
  for (const text of document.querySelectorAll<HTMLTextAreaElement>("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = SCRIPT_TEXTS.copy;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.value);
        button.textContent = SCRIPT_TEXTS.copied;
      } catch {
        // Not allowed: it is selected, to be copied by hand.
        text.select();
      }
    });
    text.after(button);
  }
}
