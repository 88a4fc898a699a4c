# frozen_string_literal: true

module Copilot
  # An answer that refuses the whole request: nothing was taken, unless its status is 500 or more, when it is not known.
  class Refusal < StandardError
    attr_reader :status, :reason, :retry_after

    def initialize(status, reason, retry_after)
      # A server may write anything there, what was sent to it too: only a code is told.
      code = reason&.match?(/\A[A-Z][A-Z0-9_.]*\z/) ? reason : 'no reason given'
      super("refused with status #{status}, #{code}")
      @status = status
      @reason = reason
      @retry_after = retry_after
    end
  end

  # A success that does not say what became of the events. They may have been taken.
  class Unreadable < StandardError
    def initialize(status)
      super("status #{status} with an answer that cannot be read: the request may have been taken")
    end
  end

  # No answer came, or not all of it. The request may have been taken.
  class NoAnswer < StandardError
  end
end
