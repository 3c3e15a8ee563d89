// The events of one session, so that a client which lost a stream can have the rest by
// Last-Event-ID.
export class EventLog {
  #events = []; // { id, streamId, message }, oldest first; an id is its place in the list

  async storeEvent(streamId, message) {
    const id = `${this.#events.length}`;
    this.#events.push({ id, streamId, message });
    return id;
  }

  async getStreamIdForEventId(id) {
    return this.#events[Number(id)]?.streamId;
  }

  async replayEventsAfter(lastId, { send }) {
    const { streamId } = this.#events[Number(lastId)];
    for (const event of this.#events.slice(Number(lastId) + 1)) {
      // A priming event has no message: it only gave its id.
      if (event.streamId === streamId && event.message.jsonrpc) await send(event.id, event.message);
    }
    return streamId;
  }
}
