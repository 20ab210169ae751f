// Shows the document of the server that gave this page. Credentials are forgotten when the page is left, nothing is sent to a
// validator, and the page loads no other document: the stand-alone layout, with its bar for that, is not here.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  validatorUrl: null,
  persistAuthorization: false,
  queryConfigEnabled: false,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
