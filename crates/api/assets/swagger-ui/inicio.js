// Starts Swagger UI on our own description. A file and not an inline script, so that the page can
// be served with a content security policy that forbids inline scripts.
SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  // The default asks a public validator; the page must work, and stay private, without internet.
  validatorUrl: null,
});
