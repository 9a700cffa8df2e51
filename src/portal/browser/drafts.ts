const CHANNEL = "sshkeys-signed-in";

/** The tab in which somebody has signed in tells the one that waits for it. */
export function announceSignIn(): void {
  if (document.querySelector("[data-signed-in]") === null) return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("");
  channel.close();
}

/** The page that keeps a form over a sign-in goes on with it, once that is done. */
export function goOnAfterSignIn(): void {
  const form = document.querySelector<HTMLFormElement>("[data-draft]");
  if (form === null) return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", () => form.requestSubmit(), { once: true });
}
