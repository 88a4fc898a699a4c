<?php

declare(strict_types=1);

namespace Copilot;

use RuntimeException;

/**
 * A success that does not tell what it must. The events, all or some, were probably taken: sent again they count twice,
 * and not sent again those that were refused are lost. Decide which is worse for you.
 */
final class Unreadable extends RuntimeException
{
    public function __construct(public readonly int $status)
    {
        parent::__construct("status $status with an answer that cannot be read: the request may have been taken");
    }
}
