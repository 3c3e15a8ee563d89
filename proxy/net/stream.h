// A TCP connection on a loop.
//
// Why      Writes are tried at once and queued only where the socket is full, so an ordinary
//          message costs one system call and no memory. Reading, once started, stays on: starting
//          and stopping it costs a system call each.
// Owns     The socket, and the bytes that wait to be written.
// Bounds   None of its own: the caller watches queued_bytes() and stops its source (see
//          base/limits.h, Watermarks).
// Threads  On its loop only.
// Errors   write() says at once when the connection is broken; everything else reaches the handler.
//          A handler may destroy the stream in any callback.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/address.h"
#include "net/loop.h"

namespace ringside::net {

class StreamHandler {
 public:
  virtual void on_connected() {}
  virtual void on_connect_failed(int /*error: errno*/) {}
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end() = 0;              // the peer sends no more
  virtual void on_broken(int error) = 0;  // errno; a queued write that fails ends in this, too
  virtual void on_drained() {}  // queued bytes fell to the low watermark after the high one
  virtual void on_flushed() {}  // nothing is queued any more

 protected:
  ~StreamHandler() = default;
};

// No delay for small writes, and probes of silent peers. Connections that are accepted inherit them
// from the listening socket (Linux).
void set_connection_options(int descriptor);

class Stream {
 public:
  Stream(Loop& loop, StreamHandler& handler);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Connects; on_connected() or on_connect_failed() follows on a later turn, unless this returns an
  // errno at once.
  int connect(const Address& to);

  void start_reading();
  void stop_reading();

  enum class Written { sent, queued, broken };
  // Requires: connected. `broken`: the connection is lost, and nothing of these bytes was sent.
  Written write(std::string_view bytes);

  std::size_t queued_bytes() const { return handle_.uv()->write_queue_size; }
  // More waits than the high watermark: the source should stop until on_drained().
  bool congested() const { return congested_; }

  // Sends what is queued and then tells the peer that no more comes.
  void finish_writing();
  // Drops everything; the peer sees a reset.
  void reset();

  // The peer has ended or broken off, perhaps behind bytes that are not read yet. For connections
  // that are not read: costs a call.
  bool peer_has_ended() const;

  Address peer() const;
  Loop& loop() const;

 private:
  friend class Listener;
  Written queue(std::string_view bytes);

  Handle<uv_tcp_t, Stream> handle_;
  StreamHandler& handler_;
  bool congested_ = false;
};

}  // namespace ringside::net
