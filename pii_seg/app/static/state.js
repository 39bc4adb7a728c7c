// What the page shows. Every module reads and changes this one object.

export const $ = (id) => document.getElementById(id);

export const state = {
  images: [],       // as the server describes them
  current: null,    // id of the selected image
  strokes: [],      // of the selected image, in px of the whole image
  undone: [],       // strokes that Redo restores
  stroke: null,     // the stroke that is being painted
  shown: {},        // before, tint, after: what is drawn of the selected image
  view: "mask",     // mask or compare
  brush: "add",     // add or erase
  mostBytes: Infinity, // of a file that is uploaded
  zoom: 1,          // 1 fits the image into the window
};

export const selected = () => state.images.find((image) => image.id === state.current);
export const isReady = (image) => image?.status === "ready";
export const style = () => $("style").value;

export function showMessage(text) {
  $("message").textContent = text ?? "";
  $("message").hidden = !text;
}

// Wraps an event handler so that its errors are shown as a message.
export const reporting = (handler) => async (...given) => {
  try {
    return await handler(...given);
  } catch (error) {
    showMessage(error.message);
  }
};
