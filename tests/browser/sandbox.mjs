// Speaks with the sandbox from outside of the browser, as a backend would.

export class Sandbox {
  constructor(url, clientId, clientSecret) {
    this.url = new URL(url).origin;
    this.clientId = clientId;
    this.clientSecret = clientSecret;
    this.serial = 0;
  }

  async begin() {
    this.status = await this.control("GET", "/status");
  }

  async control(method, path, body) {
    const response = await fetch(`${this.url}/_sandbox${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }

  reset() {
    return this.control("POST", "/reset");
  }

  async post(path, text) {
    const credentials = Buffer.from(`${this.clientId}:${this.clientSecret}`).toString("base64");
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { Authorization: `Basic ${credentials}`, "Content-Type": "application/json" },
      body: text,
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.text();
  }

  /** Sends events; each may be a value or the text of one. */
  async collect(events) {
    const texts = events.map((event) => (typeof event === "string" ? event : JSON.stringify(event)));
    return JSON.parse(await this.post(this.status.collect_path, `{"events":[${texts.join(",")}]}`));
  }

  consent(user, value) {
    return this.post(this.status.set_consent_path, JSON.stringify({ user_id: user, consent_value: value }));
  }

  /** The contract's example of a type, as of now, with an id of its own; `payload` replaces members of its payload. */
  example(type, { payload = {}, ...members } = {}) {
    const example = this.status.examples[type];
    this.serial += 1;
    return {
      ...example,
      event_id: `browser-${this.serial}`,
      timestamp: Date.now(),
      ...members,
      payload: { ...example.payload, ...payload },
    };
  }

  /** A day in the life of a user and a kettle: some of everything, and some mistakes. */
  async story() {
    const types = this.status.event_types.filter((type) => type !== "user_deleted");
    await this.collect(types.map((type) => this.example(type)));
    const lost = this.example("user_created", { payload: { user_id: "user-8" } });
    delete lost.event_id;
    await this.collect([
      { ...this.example("thing_connected"), timestamp: Math.floor(Date.now() / 1000) },
      lost,
      this.example("custom_event", { payload: { user_id: "user 7", recipe: null } }),
    ]);
    await this.collect([{ ...this.example("thing_connected", { payload: { colour: "red" } }), surprise: true }]);
    await this.consent("user-9", false);
    const repeated = this.example("thing_interaction");
    await this.collect([repeated, repeated]);
  }
}
