import { findPrivateKey } from "../../ssh/privatekey.ts";
import { SCRIPT_TEXTS } from "../web/texts.ts";

/** Lets no private key into the fields in which people ask about keys, and nothing be sent while one stands there. */
export function keepPrivateKeysOut(): void {
  const fields = document.querySelectorAll<HTMLTextAreaElement | HTMLInputElement>(
    'form:not([data-key-form]) :is(textarea, input[type="search"])',
  );
  for (const field of fields) {
    field.addEventListener("input", () => {
      field.setCustomValidity(findPrivateKey(field.value) === undefined ? "" : SCRIPT_TEXTS.isPrivate);
    });
    field.addEventListener("paste", (event) => {
      keepOut(event, (event as ClipboardEvent).clipboardData?.getData("text"));
    });
    field.addEventListener("drop", (event) => {
      keepOut(event, (event as DragEvent).dataTransfer?.getData("text"));
    });
    function keepOut(event: Event, text = ""): void {
      if (findPrivateKey(text) === undefined) return;
      event.preventDefault();
      field.setCustomValidity(SCRIPT_TEXTS.isPrivate);
      field.reportValidity();
    }
  }
}
