// The shell and the list are what most visits begin with; they come in one piece.
export { ListPage } from "../resource/ListPage";
export { Shell } from "./Shell";
