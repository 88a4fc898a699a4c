<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\Configuration;
use InvalidArgumentException;
use SensitiveParameter;

/** The client id and the client secret that Copilot.cx gave you. They are for trusted servers only. */
final class Credentials
{
    /** @throws InvalidArgumentException when they cannot be written into the header; the message names neither */
    public function __construct(
        private readonly string $id,
        #[SensitiveParameter] private readonly string $secret,
    ) {
        if ($id === '' || $secret === '') {
            throw new InvalidArgumentException('the client id or the client secret is empty');
        }
        if (str_contains($id, ':')) {
            throw new InvalidArgumentException('the client id holds a colon, which ends it in the header');
        }
        if (!mb_check_encoding($id, 'UTF-8') || !mb_check_encoding($secret, 'UTF-8')) {
            throw new InvalidArgumentException('the client id or the client secret is not valid UTF-8');
        }
        // A line break at the end of a secret comes from the file that it was read from.
        if (preg_match('/^\P{Cc}+$/Du', $id) !== 1 || preg_match('/^\P{Cc}+$/Du', $secret) !== 1) {
            throw new InvalidArgumentException('the client id or the client secret holds a control character');
        }
    }

    /** Both as the generated client takes them. */
    public function configuration(): Configuration
    {
        return (new Configuration())->setUsername($this->id)->setPassword($this->secret);
    }

    /** @return array<string, string> what a dump may show */
    public function __debugInfo(): array
    {
        return ['id' => $this->id, 'secret' => '(hidden)'];
    }
}
