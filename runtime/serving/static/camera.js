/** The camera: frames to the server, one under way at a time, so that boxes are drawn on the frame they belong to. */

import { sentence, stream } from "./server.js";

const LONGEST = 960;
const QUALITY = 0.8;
const PAUSE = 500;
/** Milliseconds before the next frame for a server that is busy. */

/** A picture of the camera as a JPEG, and as what is drawn, at most LONGEST pixels wide or high. */
async function shot(video) {
  const shrink = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
  const width = Math.round(video.videoWidth * shrink), height = Math.round(video.videoHeight * shrink);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(video, 0, 0, width, height);
  const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return { jpeg, frame: canvas.transferToImageBitmap() };
}

export class Camera {
  /** `seen(panel, frame, answer)` gets each frame with its answer, `ended(reason)` why it ended, "" when stopped. */
  constructor(seen, ended) {
    Object.assign(this, { seen, ended, sockets: [], video: document.createElement("video") });
    this.video.muted = this.video.playsInline = true;
  }

  /** Start for `models`, one for each panel. Throws where there is no camera, or it may not be used. */
  async start(models) {
    if (!navigator.mediaDevices) throw new Error("a browser gives the camera to pages of https or 127.0.0.1 only");
    this.media = await navigator.mediaDevices.getUserMedia({ video: true });
    this.video.srcObject = this.media;
    await this.video.play();
    this.sockets = models.map((model, panel) => this.open(model, panel));
  }

  open(model, panel) {
    const socket = stream(model);
    let frame = null;
    const send = async () => {
      const picture = await shot(this.video);
      if (socket.readyState !== WebSocket.OPEN) return;
      frame = picture.frame;
      socket.send(picture.jpeg);
    };
    socket.addEventListener("open", send);
    socket.addEventListener("message", async ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.problem?.status === 429) await new Promise((resume) => setTimeout(resume, PAUSE));
      else if (answer.problem) this.stop(sentence(answer.problem));
      else await this.seen(panel, frame, answer);
      if (socket.readyState === WebSocket.OPEN) send();
    });
    socket.addEventListener("close", ({ reason }) => this.stop(reason || "the server closed the connection"));
    return socket;
  }

  stop(reason = "") {
    if (!this.media) return;
    for (const track of this.media.getTracks()) track.stop();
    this.media = null;
    for (const socket of this.sockets) socket.close();
    this.ended(reason);
  }
}
