import { findPrivateKey } from "../../ssh/privatekey.ts";

/** What the pages gain from JavaScript; without it they work as they are. */

for (const element of document.querySelectorAll("time")) {
  const time = new Date(element.dateTime);
  element.title = element.textContent ?? "";
  element.textContent = new Intl.DateTimeFormat(undefined, {
    dateStyle: "medium",
    timeStyle: "short",
  }).format(time);
}

for (const text of document.querySelectorAll<HTMLTextAreaElement>("[data-copy]")) addCopyButton(text);

const form = document.querySelector<HTMLFormElement>("[data-key-form]");
if (form !== null) improve(form);

function addCopyButton(text: HTMLTextAreaElement): void {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.value);
    button.textContent = "Copied";
  });
  text.after(button);
}

function improve(fields: HTMLFormElement): void {
  const key = fields.elements.namedItem("key") as HTMLTextAreaElement;
  const title = fields.elements.namedItem("title") as HTMLInputElement;
  const verdict = fields.querySelector<HTMLElement>("[data-verdict]");
  const look = () => {
    const isPrivate = findPrivateKey(key.value) !== undefined;
    key.setCustomValidity(isPrivate ? PRIVATE : "");
    if (verdict !== null) verdict.textContent = isPrivate ? PRIVATE : "";
    if (isPrivate) return;
    const [, , ...comment] = key.value.trim().split(/[ \t]+/);
    if (title.value === "" && !key.value.trim().includes("\n")) title.value = comment.join(" ").slice(0, 255);
  };
  key.addEventListener("input", look);
  key.addEventListener("dragover", (event) => event.preventDefault());
  key.addEventListener("drop", async (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (file === undefined) return;
    event.preventDefault();
    await take(file);
  });
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = ".pub";
  chooser.id = "file";
  const label = document.createElement("label");
  label.htmlFor = "file";
  label.textContent = "Or choose the .pub file";
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files ?? [];
    if (file !== undefined) await take(file);
  });
  key.after(label, chooser);

  /** Nothing of a private key stays in the page. */
  async function take(file: File): Promise<void> {
    const text = await file.slice(0, MOST_FILE_BYTES).text();
    const isPrivate = findPrivateKey(text) !== undefined;
    key.value = isPrivate ? "" : text;
    look();
    if (isPrivate && verdict !== null) verdict.textContent = PRIVATE;
    else if (title.value === "") title.value = file.name.replace(/\.pub$/, "");
    key.focus();
  }
}

const MOST_FILE_BYTES = 64 * 1024;
const PRIVATE =
  "This is a private key. It was not sent and must never be: choose the file that ends in .pub, its public half.";
