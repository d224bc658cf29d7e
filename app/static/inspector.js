// What a script really sees of the cookies, in the place of what the server says it would see.

/** Fill each element below `root` that asks for `document.cookie`; its attribute names the token. */
export function showDocumentCookie(root) {
  const cookies = document.cookie.split("; ").filter(Boolean);
  for (const place of root.querySelectorAll("[data-document-cookie]")) {
    const token = place.dataset.documentCookie;
    const others = cookies.filter((cookie) => !cookie.startsWith(`${token}=`));
    const isSeen = others.length < cookies.length;
    place.replaceChildren(...others.map(asCode));
    if (token) place.append(isSeen ? `${token}, a working token!` : `Not ${token}: HttpOnly hides it.`);
    else if (!others.length) place.append("Nothing: it is empty.");
  }
}

function asCode(text) {
  const code = document.createElement("code");
  code.textContent = text;
  return code;
}

showDocumentCookie(document);
