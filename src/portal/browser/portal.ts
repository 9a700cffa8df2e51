import { addCopyButtons } from "./copybuttons.ts";
import { improveDialogs } from "./dialogs.ts";
import { announceSignIn, goOnAfterSignIn } from "./drafts.ts";
import { improveKeyForm } from "./keyform.ts";
import { keepPrivateKeysOut } from "./publictexts.ts";
import { showLocalTimes } from "./times.ts";

/** What the pages gain from JavaScript; without it they work as they are. */

showLocalTimes();
addCopyButtons();
keepPrivateKeysOut();
improveDialogs();
announceSignIn();
goOnAfterSignIn();

document.querySelector<HTMLElement>("[data-summary]")?.focus();

const form = document.querySelector<HTMLFormElement>("[data-key-form]");
if (form !== null) improveKeyForm(form);
