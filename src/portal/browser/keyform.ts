import { findPrivateKey } from "../../ssh/privatekey.ts";
import { SCRIPT_TEXTS } from "../web/texts.ts";

/** How long nothing must have been typed before the portal is asked, in ms: its answer comes while one still looks there. */
const PAUSE_MS = 250;
/** How long a second click counts as the first one, in ms. */
const DOUBLE_CLICK_MS = 1000;
/** Far more than any .pub file has. */
const MOST_FILE_BYTES = 64 * 1024;

/**
 * Fills the form from a file that is chosen or dropped, gives it a title, says of a key what the portal thinks of it, and
 * means days in the reader's zone. Nothing of a private key is ever sent: it is looked for before anything else.
 */
export function improveKeyForm(form: HTMLFormElement): void {
  const key = form.elements.namedItem("key") as HTMLTextAreaElement;
  const title = form.elements.namedItem("title") as HTMLInputElement;
  const chooser = form.elements.namedItem("file") as HTMLInputElement;
  const expires = form.elements.namedItem("expires") as HTMLInputElement;
  const verdict = form.querySelector("[data-verdict]") as HTMLElement;
  const help = form.querySelector("[data-expires-help]");
  const texts = [...form.elements].filter(
    (element) => element instanceof HTMLTextAreaElement || element === title,
  ) as (HTMLTextAreaElement | HTMLInputElement)[];
  const command = form.querySelector("[data-proof-command]");
  const look = liveVerdict(form, (text, isGood, proofCommand) => {
    say(text, isGood);
    if (command !== null && proofCommand !== undefined) command.textContent = proofCommand;
  });
  /** What was put into the title without the person; undefined once somebody has typed there. */
  let madeTitle: string | undefined = "";
  let checked = key.value;
  /** Was a private key kept out of the field, which is empty since? */
  let wasPrivate = false;

  if (help !== null)
    help.textContent = expires.max ? SCRIPT_TEXTS.expiresBy(expires.max) : SCRIPT_TEXTS.expires;
  chooser.accept = ".pub";

  title.addEventListener("input", () => {
    madeTitle = undefined;
  });
  for (const text of texts) {
    text.addEventListener("input", changed);
    text.addEventListener("paste", (event) =>
      keepOut(event, (event as ClipboardEvent).clipboardData?.getData("text")),
    );
  }
  // Not while it is typed: what comes behind its first line would not be known for one. Browsers write to disk what stands in forms.
  key.addEventListener("change", () => {
    if (findPrivateKey(key.value) === undefined) return;
    key.value = "";
    wasPrivate = true;
    refusePrivate();
  });
  chooser.addEventListener("change", async () => {
    const files = [...(chooser.files ?? [])];
    // What the file says stands in the field above: it is not sent a second time.
    chooser.value = "";
    if (files.length > 0) await take(files);
  });
  key.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    key.classList.add("dropping");
  });
  key.addEventListener("dragleave", () => key.classList.remove("dropping"));
  key.addEventListener("drop", async (event) => {
    key.classList.remove("dropping");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) {
      keepOut(event, event.dataTransfer?.getData("text"));
      return;
    }
    event.preventDefault();
    await take(files);
  });
  let isSent = false;
  form.addEventListener("submit", (event) => {
    if (isSent || refusePrivate()) {
      event.preventDefault();
      return;
    }
    isSent = true;
    setTimeout(() => {
      isSent = false;
    }, DOUBLE_CLICK_MS);
  });
  form.addEventListener("formdata", ({ formData }) => {
    const day = formData.get("expires");
    if (typeof day === "string") formData.set("expiresAt", endOfDay(day));
  });
  if (key.value !== "") refusePrivate();

  function changed(): void {
    if (refusePrivate()) {
      look.cancel();
      return;
    }
    suggestTitle(commentOf(key.value));
    if (key.value === checked) return;
    checked = key.value;
    say("", undefined);
    look.ask(key.value);
  }

  /** Says so, and lets nothing be sent. */
  function refusePrivate(): boolean {
    if (key.value !== "") wasPrivate = false;
    const secret = texts.filter(({ value }) => findPrivateKey(value) !== undefined);
    for (const text of texts) text.setCustomValidity(secret.includes(text) ? SCRIPT_TEXTS.isPrivate : "");
    if (wasPrivate) key.setCustomValidity(SCRIPT_TEXTS.isPrivate);
    const isAnywhere = wasPrivate || findPrivateKey(texts.map(({ value }) => value).join("\n")) !== undefined;
    if (isAnywhere) say(SCRIPT_TEXTS.isPrivate, false);
    else if (verdict.textContent === SCRIPT_TEXTS.isPrivate) say("", undefined);
    return isAnywhere;
  }

  /** Of a private key that is pasted or dropped nothing gets into the field. */
  function keepOut(event: Event, text: string | undefined): void {
    if (text === undefined || findPrivateKey(text) === undefined) return;
    event.preventDefault();
    wasPrivate = true;
    refusePrivate();
    say(SCRIPT_TEXTS.isPrivate, false);
  }

  /** Of several files each is a key. Nothing of a private key gets into the page, let alone out of it. */
  async function take(files: readonly File[]): Promise<void> {
    const found: string[] = [];
    for (const file of files) {
      if (file.size > MOST_FILE_BYTES) {
        say(SCRIPT_TEXTS.tooLarge(file.name), false);
        return;
      }
      const text = textOf(new Uint8Array(await file.arrayBuffer()));
      if (findPrivateKey(text) !== undefined) {
        say(SCRIPT_TEXTS.privateFile(file.name), false);
        return;
      }
      found.push(text.trim());
    }
    key.value = found.join("\n");
    key.focus();
    changed();
    const [file, ...others] = files;
    if (file !== undefined && others.length === 0)
      suggestTitle(commentOf(key.value) || file.name.replace(/\.pub$/, ""));
  }

  /** A title that somebody has typed stays. */
  function suggestTitle(suggested: string): void {
    if (madeTitle === undefined || title.value !== madeTitle) return;
    madeTitle = [...suggested].slice(0, 255).join("");
    title.value = madeTitle;
  }

  function say(text: string, isGood: boolean | undefined): void {
    verdict.textContent = text;
    verdict.classList.toggle("good", isGood === true);
  }
}

/** What the portal answers. */
interface Verdict {
  readonly text: string;
  readonly isGood: boolean;
  /** What proves the key. */
  readonly proofCommand: string;
}

interface LiveVerdict {
  /** Asks the portal, once nothing has been typed for a moment. */
  ask(key: string): void;
  cancel(): void;
}

/** Only the last question counts. Where the portal gives no answer, nothing is said: it is asked again when the form is sent. */
function liveVerdict(
  form: HTMLFormElement,
  say: (text: string, isGood: boolean | undefined, proofCommand?: string) => void,
): LiveVerdict {
  const { check = "" } = form.dataset;
  const csrf = form.elements.namedItem("csrf") as HTMLInputElement;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = new AbortController();

  const cancel = () => {
    clearTimeout(timer);
    asking.abort();
  };
  const send = async (key: string) => {
    asking = new AbortController();
    const { signal } = asking;
    try {
      const body = new URLSearchParams({ csrf: csrf.value, key });
      const response = await fetch(check, { method: "POST", body, signal });
      if (response.status === 401) say(SCRIPT_TEXTS.signedOut, undefined);
      if (!response.ok) return;
      const { text, isGood, proofCommand } = (await response.json()) as Verdict;
      if (!signal.aborted) say(text, isGood, proofCommand);
    } catch {
      // The network is away, or something newer was typed.
    }
  };
  return {
    ask(key) {
      cancel();
      if (key.trim() !== "") timer = setTimeout(() => void send(key), PAUSE_MS);
    },
    cancel,
  };
}

/** UTF-8, or the UTF-16 that PowerShell writes. */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  const isUTF16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUTF16 ? "utf-16le" : "utf-8").decode(bytes);
}

/** The comment of a key line; empty for anything else. */
function commentOf(text: string): string {
  const line = text.trim();
  if (/[\r\n]/.test(line)) return "";
  const [type = "", base64 = "", ...comment] = line.split(/[ \t]+/);
  return /^(?:ssh|ecdsa|sk)-/.test(type) && base64.startsWith("AAAA") ? comment.join(" ") : "";
}

/** The last second of a day in the reader's zone, as RFC 3339 in UTC; empty for what is no day. */
function endOfDay(day: string): string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? [];
  if (year === undefined) return "";
  // The first moment of the next day and back, so that a clock that is changed at midnight does no harm.
  const next = new Date(Number(year), Number(month) - 1, Number(date) + 1);
  return new Date(next.getTime() - 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
