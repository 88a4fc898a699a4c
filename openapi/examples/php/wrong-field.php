<?php

declare(strict_types=1);

// This must fail: the field is misspelt.

require __DIR__ . '/autoload.php';

(new Copilot\Generated\Model\UserCreatedPayload())->setUtcOffest('+0100'); // utc_offest
