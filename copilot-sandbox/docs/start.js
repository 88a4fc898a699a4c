// Shows the contract, with the sandbox's own credentials filled in where it made them itself.
"use strict";

const ui = SwaggerUIBundle({
  url: "/_sandbox/contract.json",
  dom_id: "#contract",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: async () => {
    const answer = await fetch("/_sandbox/status");
    const { credentials } = await answer.json();
    if (credentials) {
      ui.preauthorizeBasic("basicAuth", credentials.client_id, credentials.client_secret);
    }
  },
});
