<?php

declare(strict_types=1);

namespace Copilot;

use RuntimeException;

/** No answer came from the server. Unless it could not be connected to, the request may have been taken. */
final class NoAnswer extends RuntimeException
{
    public function __construct(string $server, string $why)
    {
        parent::__construct("no answer from $server: $why");
    }
}
