// Requests to the server.

export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The program does not respond. Start it again; images that were not downloaded are lost.");
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error ?? `The program responded with error ${response.status}.`);
  }
  return response;
}

export const loadPreview = (path) => new Promise((resolve, reject) => {
  const image = new Image();
  image.onload = () => resolve(image);
  image.onerror = () => reject(new Error("A preview could not be loaded; select the image again."));
  image.src = path;
});

export async function download(path) {
  const response = await request(path);
  const name = /filename\*=UTF-8''(.+)$/.exec(response.headers.get("content-disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name ? decodeURIComponent(name[1]) : "image";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
